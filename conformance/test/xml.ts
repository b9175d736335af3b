/** A reader for markup that throws at whatever is not well formed. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const TAG = /^<(\/?)([A-Za-z][\w-]*)((?:\s+[A-Za-z][\w-]*(?:="[^"<]*")?)*)\s*(\/?)>/;
const ENTITY = /&(?!(?:amp|lt|gt|quot|#39);)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: wanted -- these are the ones XML refuses
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** Every element in the order of its opening tag. */
export function elementsOf(text: string): readonly Element[] {
  if (FORBIDDEN.test(text) || !text.isWellFormed()) throw new Error("characters XML cannot hold");
  const found: Element[] = [];
  const open: string[] = [];
  let rest = text.replace(/^<\?xml [^?]*\?>/, "");
  while (rest !== "") {
    const next = rest.indexOf("<");
    const before = next === -1 ? rest : rest.slice(0, next);
    if (ENTITY.test(before) || before.includes("]]>")) throw new Error(`raw markup: ${before}`);
    if (open.length === 0 && before.trim() !== "") throw new Error(`text outside: ${before}`);
    if (next === -1) break;
    const tag = TAG.exec(rest.slice(next));
    if (tag === null) throw new Error(`not a tag: ${rest.slice(next, next + 80)}`);
    const [whole, closing, name = "", attributes = "", selfClosing] = tag;
    if (ENTITY.test(attributes)) throw new Error(`raw markup in ${whole}`);
    if (closing === "/" && open.pop() !== name) throw new Error(`</${name}> closes another`);
    if (closing === "") found.push({ name, attributes: attributesIn(attributes) });
    if (closing === "" && selfClosing === "") open.push(name);
    rest = rest.slice(next + whole.length);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(", ")}`);
  return found;
}

function attributesIn(text: string): Readonly<Record<string, string>> {
  const found = [...text.matchAll(/([A-Za-z][\w-]*)="([^"]*)"/g)];
  return Object.fromEntries(found.map(([, name = "", value = ""]) => [name, value]));
}
