// A stand-in for a notification command: appends what it was told to a file in the root.
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

const job = JSON.parse(readFileSync(0, "utf8"));
const { KEELSON_JOB_ID: id, KEELSON_STATUS: status, KEELSON_ROOT: root } = process.env;
const line = { id, status, stdin: job.status, hasToken: "claim_token" in job };
appendFileSync(join(root, "notified.jsonl"), `${JSON.stringify(line)}\n`);
if (process.argv[2] === "fail") {
  console.error("no network");
  process.exitCode = 4;
}
