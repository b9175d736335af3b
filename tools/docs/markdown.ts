/** A page with the note that it is made by a program, and from what. */
export function generated(source: string, lines: readonly string[]): string {
  const note = `<!-- Made from ${source} by \`npm run docs\`. Do not edit. -->`;
  return `${[note, "", ...lines].join("\n").trimEnd()}\n`;
}

export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const rule = head.map(() => "---");
  return [head, rule, ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`);
}

/** A table cell must stay on its line and inside its bars. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
}
