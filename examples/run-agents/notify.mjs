// Runs for every job that ends: the job is on stdin, what matters most is in the environment.
// A real one would send a message; this one appends a line to `notifications.log`.
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

const job = JSON.parse(readFileSync(0, "utf8"));
const { KEELSON_ROOT, KEELSON_JOB_ID, KEELSON_STATUS } = process.env;
appendFileSync(
  join(KEELSON_ROOT, "notifications.log"),
  `${KEELSON_JOB_ID} ${KEELSON_STATUS} after attempt ${job.attempt}\n`,
);
