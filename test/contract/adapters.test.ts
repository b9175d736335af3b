import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ALL_BLOBS, ALL_STORES, BLOBS, STORES } from "./adapters.ts";

const STORAGE = join(import.meta.dirname, "../../src/storage");
const folders = readdirSync(STORAGE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

function foldersOf(adapters: readonly { readonly folder: string }[]): readonly string[] {
  return [...new Set(adapters.map(({ folder }) => folder))].sort();
}

describe("the contract suites", () => {
  it("run over every folder of src/storage, and over no other", () => {
    expect(folders.length).toBeGreaterThanOrEqual(2);
    expect(foldersOf(ALL_STORES)).toEqual(folders);
    expect(foldersOf(ALL_BLOBS)).toEqual(folders);
  });

  it("name every adapter once", () => {
    for (const adapters of [ALL_STORES, ALL_BLOBS]) {
      expect(new Set(adapters.map(({ name }) => name)).size).toBe(adapters.length);
    }
  });

  it("were not narrowed to nothing", () => {
    expect(STORES.length).toBeGreaterThan(0);
    expect(BLOBS.length).toBeGreaterThan(0);
  });

  it.each(readdirSync(STORAGE).filter((name) => folders.includes(name)))(
    "find the port's file names in %s",
    (folder) => {
      const names = readdirSync(join(STORAGE, folder));
      expect(names).toEqual(expect.arrayContaining(["store.ts", "blobs.ts"]));
    },
  );
});
