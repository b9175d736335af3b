/** The reference daemon as a process: `main.ts ROOT PORT TOKEN_FILE [FLAW…]`. */
import { readFileSync } from "node:fs";
import { FLAWS, type Flaw } from "./flaws.ts";
import { startReference } from "./server.ts";

const [root = "", port = "", tokenFile = "", ...flaws] = process.argv.slice(2);

function isFlaw(name: string): name is Flaw {
  return name in FLAWS;
}

const unknown = flaws.filter((name) => !isFlaw(name));
if (unknown.length > 0) throw new Error(`no such flaw: ${unknown.join(", ")}`);
const server = await startReference({
  root,
  port: Number(port),
  token: readFileSync(tokenFile, "utf8").trim(),
  flaws: new Set(flaws.filter(isFlaw)),
});
process.once("SIGTERM", () => {
  void server.close(true).then(() => process.exit(0));
});
