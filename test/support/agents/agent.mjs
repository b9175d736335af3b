// A stand-in for a coding agent. The first argument says what it does; the prompt is on its stdin.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [act = "echo", ...rest] = process.argv.slice(2);
const artifacts = process.env.KEELSON_ARTIFACTS_DIR ?? ".";
const stdin = () => readFileSync(0, "utf8");
const hang = () => setInterval(() => undefined, 1000);
/** Tells the test, through a file, that a point was reached. */
const signal = (name, text) => writeFileSync(join(process.env.KEELSON_ROOT, name), text);

const acts = {
  /** Repeats its prompt and its environment. */
  echo() {
    process.stdout.write(`prompt: ${stdin()}\n`);
    process.stdout.write(`env: ${JSON.stringify(process.env)}\n`);
  },
  exit() {
    console.log("first line");
    console.error("what went wrong");
    process.exitCode = Number(rest[0]);
  },
  say() {
    console.error(rest[1]);
    process.exitCode = Number(rest[0]);
  },
  /** Dies by a signal on every attempt but the last one named. */
  die() {
    const attempt = Number(process.env.KEELSON_ATTEMPT);
    console.log(JSON.stringify({ type: "system", session_id: `session-${attempt}` }));
    if (attempt < Number(rest[0])) process.kill(process.pid, "SIGKILL");
    writeFileSync(join(artifacts, "seen.json"), readFileSync(process.env.KEELSON_JOB_FILE));
    writeFileSync(join(artifacts, "environment.json"), JSON.stringify(process.env));
  },
  /** Starts a grandchild in a session of its own, says so, and hangs; `deaf` ignores SIGTERM. */
  family() {
    if (rest.includes("deaf")) process.on("SIGTERM", () => undefined);
    const program = rest.includes("deaf")
      ? "process.on('SIGTERM',()=>{});setInterval(()=>{},1e3)"
      : "setInterval(()=>{},1e3)";
    const options = { detached: true, stdio: "ignore" };
    const grandchild = spawn(process.execPath, ["-e", program], options);
    grandchild.unref();
    console.log(JSON.stringify({ session_id: "family-session" }));
    grandchild.on("spawn", () => {
      setTimeout(() => {
        signal("pids.json", JSON.stringify([process.pid, grandchild.pid]));
        if (rest.includes("leave")) process.exit(0);
      }, 100);
    });
    hang();
  },
  /** Ends politely with 0 when it is told to stop. */
  polite() {
    process.on("SIGTERM", () => process.exit(0));
    signal("pids.json", JSON.stringify([process.pid]));
    hang();
  },
  /** Its first attempt ends with 0 as soon as the file `awake` is there; the next one at once. */
  dreamer() {
    writeFileSync(join(artifacts, "seen.json"), readFileSync(process.env.KEELSON_JOB_FILE));
    console.log(JSON.stringify({ session_id: `session-${process.env.KEELSON_ATTEMPT}` }));
    if (process.env.KEELSON_ATTEMPT !== "1") return;
    signal("pids.json", JSON.stringify([process.pid]));
    const awake = join(process.env.KEELSON_ROOT, "awake");
    setInterval(() => existsSync(awake) && process.exit(0), 20);
  },
  flood() {
    const line = `${"x".repeat(1023)}\n`;
    process.stdout.write("the beginning\n");
    for (let count = 0; count < Number(rest[0]); count += 1) process.stdout.write(line);
    process.stdout.write("the end\n");
  },
  /** Prints a secret in two pieces, and leaves it in a file. */
  leak() {
    const secret = readFileSync(rest[0], "utf8").trim();
    process.stdout.write(`token ${secret.slice(0, 10)}`);
    setTimeout(() => {
      process.stdout.write(`${secret.slice(10)} was printed\n`);
      console.error(JSON.stringify({ key: process.env.AGENT_API_KEY }));
      writeFileSync(join(artifacts, "notes.txt"), `it is ${secret}`);
      process.exitCode = 9;
    }, 50);
  },
  files() {
    mkdirSync(join(artifacts, "report"));
    writeFileSync(join(artifacts, "report", "summary.md"), "# done");
    writeFileSync(join(artifacts, "transcript"), "a file of the agent's own");
    writeFileSync(join(artifacts, "session_id"), "file-session\n");
    symlinkSync("/etc/hostname", join(artifacts, "link"));
  },
  /** Leaves a change in its worktree: a file, or a commit. */
  change() {
    writeFileSync("change.txt", "changed");
    console.log(process.cwd());
    process.exitCode = Number(rest[0] ?? 0);
  },
  commit() {
    writeFileSync("change.txt", "changed");
    const script = "git add -A && git -c user.name=a -c user.email=a@example.org commit -qm change";
    spawn("sh", ["-c", script], { stdio: "inherit" }).on("exit", (code) => process.exit(code));
  },
  silent: () => undefined,
  deaf: () => console.log("did not read my stdin"),
};

acts[act]();
