"""docs/policy-format.md: its worked dump is that of the profile it shows, byte for byte."""
import re
import unittest

from program import SOURCE, Case, run

PAGE = (SOURCE / "docs" / "policy-format.md").read_text(encoding="utf-8")
PROFILE = re.search(r"```xml\n(.*?)```", PAGE, re.S).group(1)
BLOCKS = re.findall(r"```hexdump\n(.*?)```", PAGE, re.S)


def dump_line(data, offset):
    part = data[offset:offset + 16]
    text = "".join(chr(b) if 0x20 <= b < 0x7f else "." for b in part)
    return f"{offset:08x}: {part.hex(' '):47}  {text}"


class WorkedDump(Case):
    def test_every_line_is_true(self):
        self.write("minimal.mobileconfig", PROFILE)
        code, _, errors = run("compile", "minimal.mobileconfig", "-o", "p.vpnpolicy", "--serial", "7", folder=self.folder)
        self.assertEqual(code, 0, errors)
        data = (self.folder / "p.vpnpolicy").read_bytes()
        lines = [line for block in BLOCKS for line in block.splitlines()]
        self.assertGreater(len(lines), 25)
        for line in lines:
            self.assertEqual(line, dump_line(data, int(line[:8], 16)))

    def test_the_dump_shows_the_header_from_its_first_byte_to_its_last(self):
        offsets = {int(line[:8], 16) for block in BLOCKS for line in block.splitlines()}
        self.assertLessEqual({0x00, 0x10, 0x20, 0x40, 0xe0, 0xf0}, offsets)


if __name__ == "__main__":
    unittest.main()
