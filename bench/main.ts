/** `npm run bench -- [scenario …] [--quick] [--rounds N] [--seconds N] [--clients N,N] [--profile DIR]` */
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { profileInto } from "./child.ts";
import { machine, printResult, type Result, writeResults } from "./report.ts";
import type { Effort, Scenario } from "./scenario.ts";
import { boot } from "./scenarios/boot.ts";
import { cluster } from "./scenarios/cluster.ts";
import { growth } from "./scenarios/growth.ts";
import { memory } from "./scenarios/memory.ts";
import { submits } from "./scenarios/submits.ts";
import { tail } from "./scenarios/tail.ts";
import { work } from "./scenarios/work.ts";

const SCENARIOS: readonly Scenario[] = [submits, growth, boot, memory, work, tail, cluster];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    clients: { type: "string", default: "1,16,64" },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const chosen = SCENARIOS.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
);
const unknown = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) process.stderr.write(`no such scenario: ${unknown.join(", ")}\n`);
  for (const { name, about } of SCENARIOS) process.stdout.write(`${name.padEnd(8)} ${about}\n`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const effort: Effort = {
  quick: values.quick,
  rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
  clients: values.clients.split(",").map(Number),
  seconds: Number(values.seconds ?? (values.quick ? 1 : 3)),
};
if (values.profile !== undefined) profileInto(values.profile);

const { cpu, cores, node } = machine();
process.stdout.write(`${cores} cores (${cpu}), Node ${node}, load ${loadavg()[0]?.toFixed(2)}\n`);
const results: Result[] = [];
for (const scenario of chosen) {
  for (const result of await scenario.run(effort)) {
    printResult(result);
    results.push(result);
  }
}
const command = ["npm run bench --", ...process.argv.slice(2)].join(" ");
const dir = fileURLToPath(new URL("./results", import.meta.url));
process.stdout.write(`\nwritten: ${writeResults(dir, command, results)}\n`);
process.exit(0);
