// Sends the messages of a JSON file by node-hl7-client, one after the other, and prints MSA-1 and MSA-2 of each answer, a line each.
// node send.mjs PORT MESSAGES [AUTHORITY CERTIFICATE KEY]: with the last three over TLS.
import { readFileSync } from "node:fs";
import { Client, Message } from "node-hl7-client";

const [port, messages, authority, certificate, key] = process.argv.slice(2);
const tls = authority && { ca: readFileSync(authority), cert: readFileSync(certificate), key: readFileSync(key) };
const client = new Client({ host: "127.0.0.1", ...(tls ? { tls } : {}) });
let heard;
const connection = client.createConnection({ port: Number(port) }, async (response) => {
  const answer = response.getMessage();
  console.log(answer.get("MSA.1").toString(), answer.get("MSA.2").toString());
  heard();
});
connection.on("client.error", (error) => {
  console.error(error.code ?? error.message);
  process.exit(1);
});
await new Promise((resolve) => connection.on("connect", resolve));
for (const text of JSON.parse(readFileSync(messages, "utf-8"))) {
  const answered = new Promise((resolve) => (heard = resolve));
  await connection.sendMessage(new Message({ text }));
  await answered;
}
process.exit(0); // it would try to connect again
