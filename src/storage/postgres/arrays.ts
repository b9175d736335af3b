/**
 * Arrays in PostgreSQL's binary format. A batch goes over the wire as one array per column, and this
 * way a thousand JSON texts are copied instead of being escaped here and parsed there.
 */

const OID_BOOL = 16;
const OID_INT8 = 20;
const OID_TEXT = 25;
const NULL_LENGTH = -1;

export function textArray(values: readonly (string | null)[]): Buffer {
  return arrayOf(
    OID_TEXT,
    values.map((value) => (value === null ? null : Buffer.from(value, "utf8"))),
  );
}

/** Whole numbers up to 2^53. */
export function int8Array(values: readonly (number | null)[]): Buffer {
  return arrayOf(
    OID_INT8,
    values.map((value) => {
      if (value === null) return null;
      const bytes = Buffer.allocUnsafe(8);
      bytes.writeBigInt64BE(BigInt(value));
      return bytes;
    }),
  );
}

export function boolArray(values: readonly boolean[]): Buffer {
  return arrayOf(
    OID_BOOL,
    values.map((value) => Buffer.from([value ? 1 : 0])),
  );
}

/** Dimensions, whether there are nulls, element type, then length and bytes of each element. */
function arrayOf(elementType: number, elements: readonly (Buffer | null)[]): Buffer {
  const dimensions = elements.length === 0 ? 0 : 1;
  const head = [dimensions, elements.includes(null) ? 1 : 0, elementType];
  if (dimensions > 0) head.push(elements.length, 1);
  const parts: Buffer[] = head.map(int4);
  for (const element of elements) {
    parts.push(int4(element?.length ?? NULL_LENGTH));
    if (element !== null) parts.push(element);
  }
  return Buffer.concat(parts);
}

function int4(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
