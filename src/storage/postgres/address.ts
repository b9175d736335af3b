/** Where a database is, read from its URL. The password stays in here: `place` is for people. */
import type { ClientConfig } from "pg";
import { Fault } from "../../errors/fault.ts";

export interface Address {
  /** What the driver connects with. Holds the password: never logged, never in an error. */
  readonly config: ClientConfig;
  /** PostgreSQL schema that holds everything of this ledger. */
  readonly schema: string;
  /** `postgres://user@host:port/database?schema=name`, without the password. */
  readonly place: string;
  /** What must not be seen anywhere: the password, as it is and as it stands in the URL. */
  readonly secrets: readonly string[];
}

const SCHEMA_DEFAULT = "keelson";
/** Plain names only, so that no statement needs quoting rules and a channel can have the same. */
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,47}$/;

/**
 * Reads `postgres://user:password@host:port/database`. `?schema=` names the schema and all other
 * parameters (`sslmode`, `host` of a socket …) are the driver's. Throws a `Fault` (`config_invalid`).
 */
export function addressOf(url: string, schemaOption?: string): Address {
  const parsed = parse(url);
  const schema = schemaOption ?? parsed.searchParams.get("schema") ?? SCHEMA_DEFAULT;
  if (!SCHEMA_NAME.test(schema) || schema.startsWith("pg_")) {
    throw new Fault(
      "config_invalid",
      `the schema "${schema}" is not a plain name: lower-case letters, digits and _, up to 48`,
    );
  }
  parsed.searchParams.delete("schema");
  const { username, hostname, port, pathname, searchParams } = parsed;
  const user = username === "" ? "" : `${username}@`;
  const host = hostname === "" ? (searchParams.get("host") ?? "localhost") : hostname;
  const place = `postgres://${user}${host}:${port === "" ? "5432" : port}${pathname}?schema=${schema}`;
  return {
    config: { connectionString: parsed.href },
    schema,
    place,
    // A password that is also a name in the address keeps nobody out.
    secrets: secretsIn(parsed).filter((secret) => !place.includes(secret)),
  };
}

function secretsIn({ password, searchParams }: URL): readonly string[] {
  const given = [password, safelyDecoded(password), searchParams.get("password") ?? ""];
  return [...new Set(given)].filter((secret) => secret !== "");
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parse(url: string): URL {
  // What the parser throws holds the whole text, password and all, so it is no cause to pass on.
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "postgres:" || parsed?.protocol === "postgresql:") return parsed;
  throw new Fault(
    "config_invalid",
    "the database URL is not of the form postgres://user:password@host:5432/database",
  );
}
