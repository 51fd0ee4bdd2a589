"""vpnprofile lsp as a program: how editors start and end it. tests/unit/lsp speaks the protocol; lsp_client_test.py has a real client."""
import json
import unittest

from program import Case, run


def framed(*messages):
    out = b""
    for message in messages:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        out += b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    return out


SESSION = framed({"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}},
                 {"method": "initialized", "params": {}}, {"id": 2, "method": "shutdown"}, {"method": "exit"})


class Lsp(Case):
    def test_as_clients_start_it(self):
        """The client library of VS Code adds --stdio; LSP 3.17 names --clientProcessId as well."""
        for arguments in ([], ["--stdio"], ["--stdio", "--clientProcessId=1"]):
            code, output, errors = run("lsp", *arguments, stdin=SESSION)
            self.assertEqual((code, errors), (0, ""), arguments)
            self.assertIn('"hoverProvider"', output)
        code, _, errors = run("lsp", "--port=5", stdin=SESSION)
        self.assertEqual(code, 2)
        self.assertIn("unknown option '--port'", errors)

    def test_a_client_that_goes_without_a_word(self):
        self.assertEqual(run("lsp"), (1, "", ""))

    def test_what_is_no_client(self):
        for text in (b"<plist/>\r\n\r\n", b"Content-Length: 99999999999999999999\r\n\r\n", b"Content-Length: x\r\n\r\n{}"):
            code, output, errors = run("lsp", stdin=text)
            self.assertEqual((code, output), (1, ""), text)
            self.assertIn("no messages of the Language Server Protocol", errors, text)


if __name__ == "__main__":
    unittest.main()
