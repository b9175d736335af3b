/** A certificate for one name, signed by itself, made anew for each test (RFC 5280, in DER). */
import { generateKeyPairSync, sign } from "node:crypto";

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), body]);
}

function text(tag: number, value: string): Buffer {
  return der(tag, Buffer.from(value, "ascii"));
}

const objectId = (hex: string): Buffer => der(OBJECT_ID, Buffer.from(hex, "hex"));
/** ecdsa-with-SHA256, commonName, subjectAltName. */
const ECDSA_SHA256 = der(SEQUENCE, objectId("2a8648ce3d040302"));
const COMMON_NAME = objectId("550403");
const ALT_NAME = objectId("551d11");

/** Key and certificate in PEM; the certificate is its own authority. */
export function certificateFor(name: string): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, text(UTF8_STRING, name))));
  const valid = der(
    SEQUENCE,
    text(GENERALIZED_TIME, "20200101000000Z"),
    text(GENERALIZED_TIME, "21200101000000Z"),
  );
  const names = der(OCTET_STRING, der(SEQUENCE, text(0x82, name)));
  const toSign = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.of(2))),
    der(INTEGER, Buffer.of(1)),
    ECDSA_SHA256,
    subject,
    valid,
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(SEQUENCE, der(SEQUENCE, ALT_NAME, names))),
  );
  const signature = der(BIT_STRING, Buffer.of(0), sign("sha256", toSign, privateKey));
  const base64 = der(SEQUENCE, toSign, ECDSA_SHA256, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
  };
}
