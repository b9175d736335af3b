import { describe, expect, it } from "vitest";
import { isFault } from "../../errors/fault.ts";
import { addressOf } from "./address.ts";

const URL_WITH_PASSWORD = "postgres://keel:s3cret%2Fword@db.internal:6432/ledger?sslmode=require";

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (isFault(error) && error.code === "config_invalid") return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("the address of a database", () => {
  it("is shown without its password", () => {
    const { place } = addressOf(URL_WITH_PASSWORD);
    expect(place).toBe("postgres://keel@db.internal:6432/ledger?schema=keelson");
  });

  it("names the password as it is and as it is written, so that both can be kept out", () => {
    expect(addressOf(URL_WITH_PASSWORD).secrets).toEqual(["s3cret%2Fword", "s3cret/word"]);
    expect(addressOf("postgres://u@h/d?password=in-a-parameter").secrets).toEqual([
      "in-a-parameter",
    ]);
  });

  it("takes a password that is also a name in the address for no secret", () => {
    expect(addressOf("postgres://postgres:postgres@localhost/postgres").secrets).toEqual([]);
  });

  it("keeps its own parameter from the driver and gives it all others", () => {
    const { config, schema } = addressOf("postgres://h/d?schema=other&sslmode=require");
    expect(schema).toBe("other");
    expect(config.connectionString).toBe("postgres://h/d?sslmode=require");
  });

  it.each(["mysql://h/d", "not a url with s3cret", "", "h:5432/d"])(
    "refuses %j without repeating it",
    (url) => {
      const message = messageOf(() => addressOf(url));
      expect(message).toContain("postgres://user:password@host");
      expect(message).not.toContain("s3cret");
    },
  );

  it.each(["Upper", "pg_mine", "with-dash", "a;b", "1st", "x".repeat(49)])(
    "refuses the schema %j",
    (name) => {
      const url = `postgres://h/d?schema=${encodeURIComponent(name)}`;
      expect(messageOf(() => addressOf(url))).toContain("plain name");
    },
  );
});
