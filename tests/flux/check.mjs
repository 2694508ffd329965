// Reads a JSON array of Flux texts from standard input and says of each, in a JSON array: what InfluxData's parser and
// type checker finds wrong with it (`messages`, empty when nothing), every string in it as the language understands it
// (`strings`, in their order), and the functions that it calls (`calls`).
import { Flux, Lsp } from "@influxdata/flux-lsp-browser/flux-lsp-browser_bg.js";

const texts = JSON.parse(await new Response(process.stdin).text());

const server = new Lsp();
const waiting = new Map();
server.onMessage((message) => {
  const { method, params } = JSON.parse(message);
  if (method === "textDocument/publishDiagnostics") waiting.get(params.uri)?.(params.diagnostics);
});
server.run();
const send = (message) => server.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
await send({ id: 1, method: "initialize", params: { capabilities: {} } });
await send({ method: "initialized", params: {} });

async function diagnostics(text, number) {
  const uri = `file:///${number}.flux`;
  const told = new Promise((resolve) => waiting.set(uri, resolve));
  const late = new Promise((resolve) => setTimeout(resolve, 5000, []));
  await send({
    method: "textDocument/didOpen",
    params: { textDocument: { uri, languageId: "flux", version: 1, text } },
  });
  const found = await Promise.race([told, late]);
  return found.map(({ message, range }) => `${range.start.line + 1}:${range.start.character + 1}: ${message}`);
}

function walk(node, visit) {
  if (node === null || typeof node !== "object") return;
  if (typeof node.type === "string") visit(node);
  for (const [key, value] of Object.entries(node)) if (key !== "location") walk(value, visit);
}

const answers = [];
for (const [number, text] of texts.entries()) {
  const [strings, calls] = [[], []];
  const flux = new Flux(text);
  walk(flux.ast(), (node) => {
    if (node.type === "StringLiteral") strings.push(node.value);
    const call = node.type === "PipeExpression" ? node.call : node;
    if (call.callee !== undefined) calls.push(call.callee.name ?? call.callee.type);
  });
  let messages = [];
  if (!flux.is_valid()) {
    messages = await diagnostics(text, number);
    if (messages.length === 0) messages = ["it is not valid, without a reason"];
  }
  answers.push({ messages, strings, calls });
  flux.free();
}
// The language server writes lines of its own to standard output: the answer is the last one.
process.stdout.write(`\n${JSON.stringify(answers)}\n`, () => process.exit(0));
