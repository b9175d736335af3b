/** Lines of aligned columns, two spaces apart; the last column takes what is left. */
export function tableLines(rows: readonly (readonly string[])[], columns: number): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, visible(cell));
    }
  }
  return rows.map((row) => {
    const cells = row.map((cell, index) =>
      index === row.length - 1 ? cell : cell + " ".repeat((widths[index] ?? 0) - visible(cell)),
    );
    const last = cells.pop() ?? "";
    const start = cells.map((cell) => `${cell}  `).join("");
    return (start + shortened(last, columns - visible(start))).trimEnd();
  });
}

/** Cut to a width with an ellipsis; a painted text is left whole. */
export function shortened(text: string, width: number): string {
  const room = Math.max(width, 12);
  if (text.includes("\u001b") || text.length <= room) return text;
  return `${text.slice(0, room - 1)}…`;
}

/** One printable line: control characters would move the cursor or forge other lines. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
}

function visible(text: string): number {
  return text.replaceAll(/\u001b\[[0-9;]*m/g, "").length;
}
