/** Writes the generated pages of `docs/reference/`. A test fails when they are stale. */
import { writeFileSync } from "node:fs";
import { referencePages } from "./pages.ts";

for (const [name, text] of referencePages()) {
  writeFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), text);
  process.stdout.write(`docs/reference/${name}\n`);
}
