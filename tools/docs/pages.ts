/** The pages of `docs/reference/` that are made from the code, as text. */
import { CONFIG_SCHEMA } from "../../src/workers/config-schema.ts";
import { cliPage } from "./cli.ts";
import { configurationPage } from "./configuration.ts";
import { errorsPage } from "./errors.ts";
import { metricsPage } from "./metrics.ts";

/** File name below `docs/reference/` to its whole text. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ["cli.md", cliPage()],
    ["configuration.md", configurationPage(CONFIG_SCHEMA)],
    ["errors.md", errorsPage()],
    ["metrics.md", metricsPage()],
  ]);
}
