// Opens a page of `vpnprofile report` in Chromium and prints, as JSON, what is wrong with it.
// node look.js FILE SCREENSHOTS-FOLDER|- [a name that the list of domains holds]
"use strict";
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const sizes = [["desktop", 1280, 900], ["phone", 360, 740]];

async function open(browser, problems, file, width, height, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  page.on("console", (message) => problems.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { problems.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (request.url() !== "file://" + file) problems.push(`request: ${request.url()}`); });
  await page.goto("file://" + file);
  return page;
}

async function judged(page, problems, where) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) problems.push(`${where}: ${wide} pixels wider than the window`);
  // The page allows no script but its own; the driver's evaluation is outside of that rule.
  await page.evaluate(axe.source);
  const result = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  for (const violation of result.violations)
    problems.push(`${where}: axe ${violation.id}: ${violation.nodes.slice(0, 3).map((node) => node.html).join(" | ").slice(0, 400)}`);
}

// Tab goes through everything that can be used, and what has the focus shows it.
async function keyboard(page, problems) {
  await page.keyboard.press("Tab");
  if (!(await page.evaluate(() => document.activeElement.classList.contains("skip")))) problems.push("keyboard: the skip link is not first");
  await page.keyboard.press("Enter");
  if ((await page.evaluate(() => document.activeElement.id)) !== "main") problems.push("keyboard: the skip link leads nowhere");
  const seen = new Set();
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press("Tab");
    const now = await page.evaluate(() => {
      const node = document.activeElement;
      const style = getComputedStyle(node);
      return { tag: node.tagName, classes: node.className, outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
    });
    if (!now.outlined && now.tag !== "BODY") problems.push(`keyboard: no visible focus on ${now.tag} ${now.classes}`);
    seen.add(now.tag);
  }
  for (const tag of ["A", "BUTTON"]) if (!seen.has(tag)) problems.push(`keyboard: no ${tag} was reached`);
}

async function tabs(page, problems) {
  const bar = page.locator(".tabs").first();
  if ((await bar.count()) === 0) return;
  const visible = () => page.locator(".stage").first().locator(".state:visible").count();
  if ((await visible()) !== 1) problems.push("tabs: not one state is shown");
  await bar.locator("button").first().focus();
  await page.keyboard.press("ArrowRight");
  if ((await bar.locator("button").nth(1).getAttribute("aria-selected")) !== "true") problems.push("tabs: the arrow key does nothing");
  if ((await visible()) !== 1) problems.push("tabs: not one state is shown behind the arrow key");
}

async function filters(page, problems) {
  const matrix = page.locator(".matrix").first();
  const rows = () => matrix.locator("tr.row:visible").count();
  const all = await rows();
  const text = matrix.locator("input").first();
  await text.fill("no such thing anywhere");
  if ((await rows()) !== 0) problems.push("filters: rows without the text are shown");
  await matrix.locator("button").click();
  if ((await rows()) !== all) problems.push("filters: not all rows came back");
  const state = matrix.locator("select").last();
  await state.selectOption({ index: 1 });
  const columns = await matrix.locator("thead th:visible").count();
  if (columns > 2) problems.push(`filters: ${columns - 1} states are shown where one is chosen`);
  await matrix.locator("button").click();
  const link = matrix.locator("a.verdict:visible").first();
  await link.focus();
  if (!(await page.locator("#tip").isVisible())) problems.push("matrix: no reason beside the verdict that has the focus");
  await page.keyboard.press("Escape");
  if (await page.locator("#tip").isVisible()) problems.push("matrix: Escape leaves the reason there");
}

// The search answers, and the page goes on reacting meanwhile: gives its longest pause in milliseconds.
async function search(page, problems, name) {
  await page.evaluate(() => {
    window.longest = 0;
    let last = performance.now();
    const tick = () => { const now = performance.now(); window.longest = Math.max(window.longest, now - last); last = now; window.ticking = setTimeout(tick); };
    tick();
  });
  const box = page.locator("#domains .names");
  const begin = Date.now();
  await box.locator("input").fill(name);
  await page.waitForFunction(() => !document.querySelector("#domains .results").hidden, null, { timeout: 60000 });
  const took = Date.now() - begin;
  const first = await box.locator(".results li").first().textContent();
  if (!first.includes(name)) problems.push(`search: '${name}' is not in '${first}'`);
  await box.locator("input").fill("zz--no-such-name");
  await page.waitForFunction(() => document.querySelector("#domains .results").hidden, null, { timeout: 60000 });
  await box.locator("input").fill("e");  // in most names: counted in pieces
  await page.waitForFunction(() => !document.querySelector("#domains .results").hidden, null, { timeout: 60000 });
  return { milliseconds: took, longest_pause: await page.evaluate(() => { clearTimeout(window.ticking); return Math.round(window.longest); }) };
}

async function main() {
  const [file, folder, name] = process.argv.slice(2);
  const problems = [];
  const facts = {};
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
  for (const [size, width, height] of sizes) {
    for (const scheme of ["light", "dark"]) {
      const page = await open(browser, problems, file, width, height, scheme);
      if (folder !== "-") await page.screenshot({ path: `${folder}/${size}-${scheme}.png`, fullPage: true });
      await judged(page, problems, `${size}, ${scheme}`);
      if (scheme === "light") {
        await keyboard(page, problems);
        await tabs(page, problems);
        await filters(page, problems);
        await judged(page, problems, `${size}, used`);
        if (name) facts[`search_${size}`] = await search(page, problems, name);
      }
      if (scheme === "light" && size === "desktop") {
        const paper = await page.pdf({ format: "A4" });
        facts.pdf_bytes = paper.length;
        if (folder !== "-") require("fs").writeFileSync(`${folder}/print.pdf`, paper);
      }
      facts.attacked = Boolean(facts.attacked) || (await page.evaluate(() => Boolean(window.attacked)));
      await page.context().close();
    }
  }
  await browser.close();
  process.stdout.write(JSON.stringify({ problems, facts }) + "\n");
}

main().catch((error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); });
