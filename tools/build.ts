/**
 * Emits the three packages as they are published, each complete in a folder of its own below
 * `dist/`: JavaScript, types, and a manifest that names them. Development needs none of it.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");

type Manifest = Readonly<Record<string, unknown>>;

interface Package {
  readonly name: string;
  /** Its folder in the repository. */
  readonly home: string;
  /** What of its manifest is different once it is built. */
  readonly built: (manifest: Manifest) => Manifest;
}

/** What users need of the root's manifest; scripts and tools stay behind. */
const ROOT_FIELDS = ["name", "version", "description", "license", "type", "engines"] as const;

const PACKAGES: readonly Package[] = [
  { name: "client", home: "client", built: satellite("client") },
  { name: "conformance", home: "conformance", built: satellite("conformance") },
  {
    name: "keelson",
    home: ".",
    built: (manifest) => ({
      ...Object.fromEntries(ROOT_FIELDS.map((field) => [field, manifest[field]])),
      bin: { keelson: "dist/cli/main.js" },
      files: ["dist"],
      dependencies: manifest["dependencies"],
    }),
  },
];

/** The sources are private, because a registry must never get them: Node runs no types in packages. */
function satellite(entry: string): Package["built"] {
  return ({ private: _private, ...manifest }) => ({
    ...manifest,
    exports: { ".": { types: `./dist/${entry}.d.ts`, default: `./dist/${entry}.js` } },
    ...("bin" in manifest ? { bin: emitted(manifest["bin"] as Bins) } : {}),
    files: ["dist"],
  });
}

type Bins = Readonly<Record<string, string>>;

/** The same commands, each in the file that its source becomes. */
function emitted(bins: Bins): Bins {
  return Object.fromEntries(
    Object.entries(bins).map(([name, source]) => [
      name,
      source.replace(/^\.\/src\//, "dist/").replace(/\.ts$/, ".js"),
    ]),
  );
}

rmSync(DIST, { recursive: true, force: true });
for (const { name, home, built } of PACKAGES) {
  const target = join(DIST, name);
  mkdirSync(target, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(ROOT, home, "package.json"), "utf8")) as Manifest;
  writeFileSync(join(target, "package.json"), `${JSON.stringify(built(manifest), undefined, 2)}\n`);
  compile(join(ROOT, home, "src"), target);
  cpSync(join(ROOT, "LICENSE"), join(target, "LICENSE"));
  cpSync(join(ROOT, home, "README.md"), join(target, "README.md"), { force: true });
  process.stdout.write(`built dist/${name}\n`);
}

/** The satellites are built first, so the root sees their types and not their sources. */
function compile(source: string, target: string): void {
  const config = join(target, "tsconfig.json");
  const up = relative(target, ROOT);
  writeFileSync(
    config,
    JSON.stringify({
      extends: `${up}/tsconfig.json`,
      compilerOptions: {
        noEmit: false,
        allowImportingTsExtensions: false,
        rootDir: relative(target, source),
        outDir: "dist",
        paths: {
          "@keelson/client": [`${up}/dist/client/dist/client.d.ts`],
          "@keelson/conformance": [`${up}/dist/conformance/dist/conformance.d.ts`],
        },
      },
      include: [relative(target, source)],
      exclude: [`${relative(target, source)}/**/*.test.ts`],
    }),
  );
  execFileSync("tsc", ["-p", config], { stdio: "inherit" });
  rmSync(config);
}
