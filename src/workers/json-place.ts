/** From a value in a JSON text with comments back to its line and column. */
import { findNodeAtLocation, type Node } from "jsonc-parser";

export interface Place {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in characters. */
  readonly column: number;
}

export type Path = readonly (string | number)[];

export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lines = before.split(/\r\n|\r|\n/);
  return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
}

/** Offset of a member's name where there is one, else of the value; 0 when the path is not there. */
export function offsetOf(root: Node, path: Path): number {
  const node = findNodeAtLocation(root, [...path]);
  if (node === undefined) return root.offset;
  return node.parent?.type === "property" ? node.parent.offset : node.offset;
}

/** `jobs."rpi.run".command[0]` */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += `${text === "" ? "" : "."}${/^[$\w]+$/.test(step) ? step : JSON.stringify(step)}`;
  }
  return text;
}

/** Names that an object spells twice; the second one would silently win. */
export function repeatedKeys(root: Node): readonly { path: Path; offset: number }[] {
  const found: { path: Path; offset: number }[] = [];
  const visit = (node: Node, path: Path): void => {
    const seen = new Set<string>();
    for (const [index, child] of (node.children ?? []).entries()) {
      if (node.type !== "object") {
        visit(child, [...path, index]);
        continue;
      }
      const [key, value] = child.children ?? [];
      const name = String(key?.value);
      if (seen.has(name)) found.push({ path: [...path, name], offset: child.offset });
      seen.add(name);
      if (value !== undefined) visit(value, [...path, name]);
    }
  };
  visit(root, []);
  return found;
}
