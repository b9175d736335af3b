import { expect, it } from "vitest";
import { childEnvironment, isForbiddenName } from "./environment.ts";

const NONE = { pass: [], set: {} };

it("hands on the allow-list and nothing else", () => {
  const source = {
    PATH: "/bin",
    HOME: "/h",
    LC_ALL: "C",
    XDG_DATA_HOME: "/d",
    EDITOR: "vi",
    GONE: undefined,
  };
  const { variables, credentials } = childEnvironment(source, NONE, []);
  expect(variables).toEqual({ PATH: "/bin", HOME: "/h", LC_ALL: "C", XDG_DATA_HOME: "/d" });
  expect(credentials).toEqual([]);
});

it("adds what is passed by name or beginning, and what is set", () => {
  const config = { pass: ["EDITOR", "AWS_*"], set: { PATH: "/own", MODE: "fast" } };
  const source = { PATH: "/bin", EDITOR: "vi", AWS_REGION: "eu", OTHER: "no" };
  expect(childEnvironment(source, config, []).variables).toEqual({
    PATH: "/own",
    EDITOR: "vi",
    AWS_REGION: "eu",
    MODE: "fast",
  });
});

it.each([
  "KEELSON_TOKEN",
  "KEELSON_JOB_ID",
  "AGENTOPS_TOKEN",
  "AGENTOPSD_TOKEN",
  "AGENTOPS_DAEMON_TOKEN",
  "AgentOps_Token_File",
])("never hands on %s", (name) => {
  expect(isForbiddenName(name)).toBe(true);
  const config = { pass: [name], set: { [name]: "set" } };
  expect(childEnvironment({ [name]: "x" }, config, []).variables).toEqual({});
});

it("never hands on a value that holds a secret, whatever its name", () => {
  const secret = "0123456789abcdef";
  const source = { PATH: `/bin:${secret}`, HEADER: `Bearer ${secret}` };
  const config = { pass: ["HEADER"], set: { COPY: secret } };
  expect(childEnvironment(source, config, [secret]).variables).toEqual({});
});

it("tells which handed-on values are credentials", () => {
  const config = {
    pass: ["ANTHROPIC_API_KEY"],
    set: { GH_TOKEN: "ghp_12345678", MODE: "fast-mode" },
  };
  const { credentials } = childEnvironment({ ANTHROPIC_API_KEY: "sk-ant-123" }, config, []);
  expect(credentials).toEqual(["sk-ant-123", "ghp_12345678"]);
});
