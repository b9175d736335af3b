/**
 * Looks for a planted value in bytes, however it was encoded. It shares nothing with the redaction
 * it judges: instead of listing encodings of the value it decodes what it finds.
 */

/** How often something may have been encoded over. */
const LAYERS = 3;

/** The encodings through which the canary can be read in these bytes; empty when it cannot. */
export function canaryTraces(bytes: Uint8Array, canary: string): readonly string[] {
  const traces: string[] = [];
  const seen = new Set<string>();
  const look = (text: string, way: string, layers: number): void => {
    if (seen.has(text)) return;
    seen.add(text);
    if (text.includes(canary)) traces.push(way === "" ? "plain" : way);
    if (layers === 0) return;
    for (const [name, decode] of Object.entries(DECODERS)) {
      for (const decoded of decode(text)) look(decoded, `${way} ${name}`.trim(), layers - 1);
    }
  };
  look(Buffer.from(bytes).toString("utf8"), "", LAYERS);
  return traces;
}

type Decoder = (text: string) => readonly string[];

const DECODERS: Readonly<Record<string, Decoder>> = {
  json: (text) => [
    text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, hex: string | undefined, char: string) =>
      hex === undefined ? (JSON_ESCAPES[char] ?? char) : String.fromCharCode(parseInt(hex, 16)),
    ),
  ],
  url: (text) =>
    [text, text.replaceAll("+", " ")].map((encoded) =>
      encoded.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (escapes) =>
        Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8"),
      ),
    ),
  base64: (text) =>
    (text.match(/[\w+/-]{6,}/g) ?? []).flatMap((run) =>
      [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), "base64").toString("utf8")),
    ),
  hex: (text) =>
    (text.match(/[0-9a-fA-F]{12,}/g) ?? []).flatMap((run) =>
      [0, 1].map((skip) => Buffer.from(run.slice(skip), "hex").toString("utf8")),
    ),
};

const JSON_ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
