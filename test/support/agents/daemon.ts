/** A daemon's workers in a process of their own, to be killed. Arguments: root, keelson.json's jobs. */
import { WorkerBench } from "../worker-bench.ts";

const [root = "", jobs = "{}"] = process.argv.slice(2);
const bench = await WorkerBench.start({ root, jobs: JSON.parse(jobs) });
process.stdout.write("started\n");
await bench.run("rpi.run", { goal: "g" });
