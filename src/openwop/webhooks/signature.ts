/**
 * How a delivery proves whom it is from (openwop-core §7.3): HMAC-SHA-256 with the subscription's
 * secret over the timestamp, a dot and the bytes of the body exactly as they are sent.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Advertised as a signature algorithm, and sent with every delivery. */
export const SIGNATURE_ALGORITHM = "v1";
/** How far a receiver's clock may be from the sender's. */
const TOLERANCE_SECONDS = 300;

/** `sha256=` and 64 hexadecimal characters. */
export function signatureOf(secret: string, timestampSeconds: number, body: Uint8Array): string {
  const hmac = createHmac("sha256", secret).update(`${timestampSeconds}.`).update(body);
  return `sha256=${hmac.digest("hex")}`;
}

/** What a receiver asks. The comparison takes the same time wherever the first difference is. */
export function isSignedBy(
  secret: string,
  delivery: {
    readonly timestamp: string;
    readonly signature: string;
    readonly body: Uint8Array;
  },
  nowSeconds: number,
): boolean {
  const { timestamp, signature, body } = delivery;
  if (!/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(nowSeconds - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const expected = Buffer.from(signatureOf(secret, Number(timestamp), body));
  const offered = Buffer.from(signature);
  return offered.length === expected.length && timingSafeEqual(offered, expected);
}
