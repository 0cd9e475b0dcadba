// Usage: node validate_asyncapi.cjs <directory with node_modules> <document>
// Prints the findings of AsyncAPI's own parser as JSON; fails only when it cannot run.
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { join } = require("node:path");

const [tools, path] = process.argv.slice(2);
const { Parser } = createRequire(join(tools, "package.json"))("@asyncapi/parser");

new Parser().parse(readFileSync(path, "utf8")).then(({ document, diagnostics }) => {
  const found = diagnostics.map(({ code, severity, message, path: at }) => ({
    code, severity, message, at: at.join("/"),
  }));
  process.stdout.write(JSON.stringify({
    parsed: document !== undefined,
    channels: document ? document.channels().all().length : 0,
    operations: document ? document.operations().all().length : 0,
    messages: document ? document.messages().all().length : 0,
    found,
  }));
});
