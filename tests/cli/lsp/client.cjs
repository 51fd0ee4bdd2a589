// Drives `vpnprofile lsp` with the protocol library of VS Code; run by lsp_client_test.py. Every result is looked at by that library's own
// validators before the test looks at what it says.
'use strict';
const assert = require('node:assert/strict');
const {spawn} = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {test} = require('node:test');
const {pathToFileURL} = require('node:url');
const lsp = require('vscode-languageserver-protocol/node');

const program = process.env.VPNPROFILE;
const source = process.env.VPN_SOURCE_DIR;
const faulty = fs.readFileSync(path.join(source, 'docs/demo/faulty.mobileconfig'), 'utf8');
const capabilities = {
  general: {positionEncodings: ['utf-16']},
  textDocument: {
    hover: {contentFormat: ['markdown']},
    completion: {completionItem: {snippetSupport: true, documentationFormat: ['markdown'], insertTextModeSupport: {valueSet: [1, 2]}}},
    codeAction: {codeActionLiteralSupport: {codeActionKind: {valueSet: ['quickfix', 'source']}}},
    publishDiagnostics: {relatedInformation: true, codeDescriptionSupport: true, versionSupport: true, tagSupport: {valueSet: [1, 2]}},
  },
  workspace: {workspaceEdit: {documentChanges: true}},
};

class Editor {
  constructor(folder) {
    this.folder = folder;
    this.process = spawn(program, ['lsp', '--stdio', `--clientProcessId=${process.pid}`], {stdio: ['pipe', 'pipe', 'inherit'], env: {...process.env, SOURCE_DATE_EPOCH: '1790000000'}});
    this.exited = new Promise((resolve) => this.process.on('exit', resolve));
    this.connection = lsp.createProtocolConnection(new lsp.StreamMessageReader(this.process.stdout), new lsp.StreamMessageWriter(this.process.stdin));
    this.heard = [];
    this.waiting = [];
    this.connection.onNotification(lsp.PublishDiagnosticsNotification.type, (params) => {
      assert.ok(params.diagnostics.every((d) => lsp.Diagnostic.is(d)), 'a diagnostic is not as the protocol has it');
      this.heard.push(params);
      this.waiting.splice(0).forEach((wake) => wake());
    });
    this.messages = [];
    this.connection.onNotification(lsp.ShowMessageNotification.type, (params) => this.messages.push(params));
    this.connection.listen();
  }

  async start(more = {}, withCapabilities = capabilities) {
    const result = await this.connection.sendRequest(lsp.InitializeRequest.type, {
      processId: process.pid, rootUri: pathToFileURL(this.folder).href, capabilities: withCapabilities, ...more});
    await this.connection.sendNotification(lsp.InitializedNotification.type, {});
    return result;
  }

  uri(name) { return pathToFileURL(path.join(this.folder, name)).href; }

  async open(name, text, languageId = 'xml') {
    await this.connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, {textDocument: {uri: this.uri(name), languageId, version: 1, text}});
  }

  async change(name, version, ...contentChanges) {
    await this.connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, {textDocument: {uri: this.uri(name), version}, contentChanges});
  }

  /// Waits for the diagnostics of a version.
  async diagnostics(name, version) {
    const limit = Date.now() + 20000;
    for (;;) {
      const found = this.heard.findLast((p) => p.uri === this.uri(name) && p.version === version);
      if (found) return found.diagnostics;
      assert.ok(Date.now() < limit, `no diagnostics of ${name}, version ${version}`);
      await Promise.race([new Promise((resolve) => this.waiting.push(resolve)), new Promise((resolve) => setTimeout(resolve, 100))]);
    }
  }

  async completion(name, position) {
    const list = await this.connection.sendRequest(lsp.CompletionRequest.type, {textDocument: {uri: this.uri(name)}, position});
    assert.ok(list.items.every((i) => typeof i.label === 'string' && lsp.TextEdit.is(i.textEdit)));
    return list.items;
  }

  hover(name, position) { return this.connection.sendRequest(lsp.HoverRequest.type, {textDocument: {uri: this.uri(name)}, position}); }

  async actions(name, range, diagnostics, only) {
    const actions = await this.connection.sendRequest(lsp.CodeActionRequest.type, {textDocument: {uri: this.uri(name)}, range, context: {diagnostics, only}});
    assert.ok(actions.every((a) => lsp.CodeAction.is(a)));
    return actions;
  }

  async stop() {
    await this.connection.sendRequest(lsp.ShutdownRequest.type);
    await this.connection.sendNotification(lsp.ExitNotification.type);
    return this.exited;
  }
}

/// Where a text stands, as a position of UTF-16 code units.
function at(text, what, inside = 0) {
  const offset = text.indexOf(what) + inside;
  assert.notEqual(text.indexOf(what), -1, `'${what}' is not in the text`);
  const lines = text.slice(0, offset).split('\n');
  return {line: lines.length - 1, character: lines[lines.length - 1].length};
}

function applied(text, edits) {
  const document = require('vscode-languageserver-types').TextDocument.create('file:///x', 'xml', 0, text);
  return require('vscode-languageserver-types').TextDocument.applyEdits(document, edits);
}

function session(name, body) {
  test(name, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vpnprofile-lsp-'));
    const editor = new Editor(folder);
    try {
      await body(editor);
      assert.equal(await editor.stop(), 0);
    } finally {
      editor.process.kill();
      fs.rmSync(folder, {recursive: true});
    }
  });
}

session('what the server offers', async (editor) => {
  const result = await editor.start();
  assert.equal(result.serverInfo.name, 'vpnprofile');
  assert.equal(result.capabilities.positionEncoding, 'utf-16');
  assert.equal(result.capabilities.textDocumentSync.change, lsp.TextDocumentSyncKind.Incremental);
  await assert.rejects(editor.connection.sendRequest('textDocument/rename', {}), {code: lsp.ErrorCodes.MethodNotFound});
});

session('diagnostics are those of lint', async (editor) => {
  await editor.start();
  await editor.open('faulty.mobileconfig', faulty);
  const found = await editor.diagnostics('faulty.mobileconfig', 1);
  const unknown = found.find((d) => d.code === 'VP1203');
  assert.deepEqual(unknown.range.start, at(faulty, 'IncludeAllNetwork<'));
  assert.equal(unknown.severity, lsp.DiagnosticSeverity.Warning);
  assert.match(unknown.codeDescription.href, /findings\.md#vp1203-unknown-key$/);
  assert.ok(found.some((d) => d.code === 'VP1301' && d.severity === lsp.DiagnosticSeverity.Error));
});

session('a fix is applied, and the diagnostic goes', async (editor) => {
  await editor.start();
  await editor.open('faulty.mobileconfig', faulty);
  const unknown = (await editor.diagnostics('faulty.mobileconfig', 1)).find((d) => d.code === 'VP1203');
  const actions = await editor.actions('faulty.mobileconfig', unknown.range, [unknown]);
  const fix = actions.find((a) => a.isPreferred);
  assert.equal(fix.diagnostics[0].code, 'VP1203');
  const change = fix.edit.documentChanges[0];
  assert.equal(change.textDocument.version, 1);
  const text = applied(faulty, change.edits);
  assert.ok(text.includes('<key>IncludeAllNetworks</key>'));
  await editor.change('faulty.mobileconfig', 2, {range: change.edits[0].range, text: change.edits[0].newText});
  assert.ok(!(await editor.diagnostics('faulty.mobileconfig', 2)).some((d) => d.code === 'VP1203'));
});

session('a value that is not allowed: what may stand there', async (editor) => {
  await editor.start();
  await editor.open('faulty.mobileconfig', faulty);
  const wrong = (await editor.diagnostics('faulty.mobileconfig', 1)).find((d) => d.code === 'VP1207');
  const actions = await editor.actions('faulty.mobileconfig', wrong.range, [wrong]);
  const titles = actions.map((a) => a.title);
  assert.ok(titles.includes("write 'Low'"), titles.join());
  const text = applied(faulty, actions.find((a) => a.title === "write 'Low'").edit.documentChanges[0].edits);
  assert.ok(text.includes('<string>Low</string>'));
});

session('fix all in this file', async (editor) => {
  await editor.start();
  await editor.open('faulty.mobileconfig', faulty);
  const [all] = await editor.actions('faulty.mobileconfig', {start: {line: 0, character: 0}, end: {line: 0, character: 0}}, [], ['source.fixAll']);
  assert.equal(all.kind, 'source.fixAll.vpnprofile');
  assert.ok(applied(faulty, all.edit.documentChanges[0].edits).includes('<key>IncludeAllNetworks</key>'));
});

session('hover says what a key means', async (editor) => {
  await editor.start();
  await editor.open('faulty.mobileconfig', faulty);
  const hover = await editor.hover('faulty.mobileconfig', at(faulty, 'AuthenticationMethod', 3));
  assert.equal(hover.contents.kind, 'markdown');
  assert.match(hover.contents.value, /\*\*`AuthenticationMethod`\*\* string, required/);
  assert.match(hover.contents.value, /`SharedSecret`/);
  assert.match(hover.contents.value, /available: iOS 4\.0/);
  assert.deepEqual(hover.range.start, at(faulty, 'AuthenticationMethod'));
});

session('completion of keys while the markup is broken', async (editor) => {
  await editor.start();
  const broken = faulty.replace('<key>DeadPeerDetectionRate</key>', '<key>Enabl\n        <key>DeadPeerDetectionRate</key>');
  await editor.open('faulty.mobileconfig', broken);
  assert.ok((await editor.diagnostics('faulty.mobileconfig', 1)).some((d) => d.severity === 1));
  const items = await editor.completion('faulty.mobileconfig', at(broken, '<key>Enabl', 10));
  const pfs = items.find((i) => i.label === 'EnablePFS');
  assert.equal(pfs.textEdit.newText, '<key>EnablePFS</key>\n<integer>${1|1,0|}</integer>');
  assert.deepEqual(pfs.textEdit.range.start, at(broken, '<key>Enabl'));
  assert.ok(!items.some((i) => i.label === 'RemoteAddress'), 'what is there already is not offered');
});

session('completion of values', async (editor) => {
  await editor.start();
  await editor.open('faulty.mobileconfig', faulty);
  const methods = await editor.completion('faulty.mobileconfig', at(faulty, '<string>Certificate<', 9));
  assert.deepEqual(methods.map((i) => i.label).sort(), ['Certificate', 'None', 'SharedSecret']);
});

session('positions are those that were agreed on', async (editor) => {
  const result = await editor.start({}, {...capabilities, general: {positionEncodings: ['utf-8', 'utf-16']}});
  assert.equal(result.capabilities.positionEncoding, 'utf-8');
  const text = faulty.replace('<key>IncludeAllNetwork</key>', '<!-- ü𝄞 --><key>IncludeAllNetwork</key>');
  await editor.open('faulty.mobileconfig', text);
  const unknown = (await editor.diagnostics('faulty.mobileconfig', 1)).find((d) => d.code === 'VP1203');
  const line = text.split('\n')[unknown.range.start.line];
  assert.equal(unknown.range.start.character, Buffer.byteLength(line.slice(0, line.indexOf('IncludeAll'))));
});

session('declarations know the others of their folder', async (editor) => {
  const folder = path.join(source, 'profiles/declaration-ikev2');
  for (const name of fs.readdirSync(folder)) fs.copyFileSync(path.join(folder, name), path.join(editor.folder, name));
  await editor.start();
  const text = fs.readFileSync(path.join(folder, 'ikev2.json'), 'utf8');
  await editor.open('ikev2.json', text, 'json');
  assert.deepEqual(await editor.diagnostics('ikev2.json', 1), []);
  const items = await editor.completion('ikev2.json', at(text, 'com.example.it.asset.identity', 4));
  assert.deepEqual(items.map((i) => i.textEdit.newText), ['com.example.it.asset.identity']);
});

session('settings: platform', async (editor) => {
  await editor.start();
  await editor.open('faulty.mobileconfig', faulty);
  assert.ok(!(await editor.diagnostics('faulty.mobileconfig', 1)).some((d) => d.code.startsWith('VP17')));
  await editor.connection.sendNotification(lsp.DidChangeConfigurationNotification.type, {settings: {vpnprofile: {platform: ['watchos']}}});
  await editor.change('faulty.mobileconfig', 2, {text: faulty});
  assert.ok((await editor.diagnostics('faulty.mobileconfig', 2)).some((d) => d.code.startsWith('VP17')));
  await editor.connection.sendNotification(lsp.DidChangeConfigurationNotification.type, {settings: {vpnprofile: {platform: ['beos']}}});
  await editor.change('faulty.mobileconfig', 3, {text: ''});
  await editor.diagnostics('faulty.mobileconfig', 3);
  assert.match(editor.messages[0].message, /'beos' is no platform/);
});

test('exit without shutdown is an error', async () => {
  const editor = new Editor(os.tmpdir());
  await editor.start();
  await editor.connection.sendNotification(lsp.ExitNotification.type);
  assert.equal(await editor.exited, 1);
});
