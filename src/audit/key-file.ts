/** The key that signs checkpoints: its own file, its own purpose, readable by its owner alone. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Fault } from "../errors/fault.ts";
import { ensurePrivateFile, openMode } from "../lib/private-file.ts";

/**
 * Reads the Ed25519 key of a file (PKCS#8 in PEM), making both when there is none. Throws
 * `audit_key_invalid`; what the file holds is in no message.
 */
export async function ensureAuditKey(path: string): Promise<KeyObject> {
  await ensurePrivateFile(path, newKey);
  const mode = await openMode(path);
  if (mode !== undefined) throw invalid(path, `has mode ${mode}. Run: chmod 600 ${path}`);
  let key: KeyObject;
  try {
    key = createPrivateKey(await readFile(path));
  } catch {
    throw invalid(path, "holds no private key in PEM");
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw invalid(path, `holds a key of the kind ${key.asymmetricKeyType}, not ed25519`);
  }
  return key;
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync("ed25519");
  return privateKey.export({ type: "pkcs8", format: "pem" });
}

function invalid(path: string, what: string): Fault {
  return new Fault("audit_key_invalid", `the audit key file ${path} ${what}`, {
    details: { path },
  });
}
