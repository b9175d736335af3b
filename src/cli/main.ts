#!/usr/bin/env node
import { EXIT } from "./exit.ts";
import { refusalOfNode } from "./node-version.ts";

const refusal = refusalOfNode(process.versions.node);
if (refusal === undefined) {
  const [{ processContext }, { runCli }] = await Promise.all([
    import("./process-context.ts"),
    import("./program.ts"),
  ]);
  process.exitCode = await runCli(process.argv.slice(2), processContext());
} else {
  process.stderr.write(refusal);
  process.exitCode = EXIT.usage;
}
