import { defineConfig } from "vitest/config";

/** Every test kind except the long ones; `LONG=1` adds those (`npm run test:long`). */
export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "test/**/*.test.ts",
      "client/**/*.test.ts",
      "conformance/**/*.test.ts",
    ],
    exclude: ["**/node_modules/**", ...(process.env["LONG"] ? [] : ["test/**/*.long.test.ts"])],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    globalSetup: ["test/support/postgres-setup.ts"],
  },
});
