/** A git worktree of its own for each attempt, so that agents neither meet nor spoil the checkout. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { err, ok, type Result } from "../lib/result.ts";
import { captureChild } from "./child.ts";
import { inRoot, type Places } from "./places.ts";

export interface Worktree {
  /** Absolute. */
  readonly path: string;
  readonly branch: string;
  /** The commit that the branch started from. */
  readonly base: string;
  /** Where the daemon's root is inside the repository: empty, or ending in a slash. */
  readonly prefix: string;
}

/** The artifacts that name a worktree; empty values say that it is gone. */
export interface WorktreeArtifacts {
  readonly worktree: string;
  readonly branch: string;
}

/** A checkout of a large repository takes its time. */
const GIT_TIMEOUT_MS = 300_000;

export class Worktrees {
  readonly #places: Places;
  readonly #env: Readonly<Record<string, string>>;
  /** Git locks the repository while it adds or removes a worktree: one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(places: Places, env: Readonly<Record<string, string>>) {
    this.#places = places;
    this.#env = { ...env, GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" };
  }

  /** Adds `.agents/worktrees/<name>` on the branch `keelson/<name>`; the error is a sentence. */
  add(name: string): Promise<Result<Worktree, string>> {
    return this.#inTurn(() => this.#add(name));
  }

  /**
   * After a success: removes a worktree that holds nothing new, and its branch when that holds no
   * new commit either. Anything else is kept.
   */
  finish(tree: Worktree): Promise<WorktreeArtifacts> {
    return this.#inTurn(() => this.#finish(tree));
  }

  named(tree: Worktree): WorktreeArtifacts {
    return { worktree: inRoot(this.#places, tree.path), branch: tree.branch };
  }

  async #add(name: string): Promise<Result<Worktree, string>> {
    const { root, worktrees } = this.#places;
    const prefix = await this.#git(root, ["rev-parse", "--show-prefix"]);
    if (!prefix.ok) return err(`no worktree: ${root} is not in a git repository: ${prefix.error}`);
    const base = await this.#git(root, ["rev-parse", "--verify", "HEAD^{commit}"]);
    if (!base.ok) return err("no worktree: the repository has no commit yet");
    await mkdir(worktrees, { recursive: true, mode: 0o700 });
    // Keeps `git add` in the checkout above from taking the worktrees in.
    await writeFile(join(worktrees, ".gitignore"), "*\n");
    const path = join(worktrees, name);
    const branch = await this.#freeBranch(`keelson/${name}`);
    const added = await this.#git(root, ["worktree", "add", "-q", "-b", branch, path, base.value]);
    if (!added.ok) return err(`no worktree: git worktree add: ${added.error}`);
    return ok({ path, branch, base: base.value, prefix: prefix.value });
  }

  /** A branch of that name may be left from a ledger that is gone. */
  async #freeBranch(branch: string): Promise<string> {
    const ref = `refs/heads/${branch}`;
    const existing = await this.#git(this.#places.root, ["rev-parse", "--verify", "-q", ref]);
    return existing.ok ? `${branch}-${randomBytes(4).toString("hex")}` : branch;
  }

  async #finish(tree: Worktree): Promise<WorktreeArtifacts> {
    const kept = this.named(tree);
    const status = await this.#git(tree.path, ["status", "--porcelain"]);
    const head = await this.#git(tree.path, ["rev-parse", "HEAD"]);
    const tip = await this.#git(tree.path, ["rev-parse", `refs/heads/${tree.branch}`]);
    if (!status.ok || !head.ok || !tip.ok || status.value !== "") return kept;
    // Commits that no branch of ours holds: the agent went its own way, so nothing is touched.
    if (head.value !== tip.value && head.value !== tree.base) return kept;
    const { root } = this.#places;
    const removed = await this.#git(root, ["worktree", "remove", "--force", tree.path]);
    if (!removed.ok) return kept;
    if (tip.value !== tree.base) return { ...kept, worktree: "" };
    const deleted = await this.#git(root, ["branch", "-q", "-D", tree.branch]);
    return { worktree: "", branch: deleted.ok ? "" : tree.branch };
  }

  /** What git printed, trimmed; the error is what it complained about. */
  async #git(cwd: string, parameters: readonly string[]): Promise<Result<string, string>> {
    const command = ["git", ...parameters];
    const { end, stdout, stderr } = await captureChild(
      { command, cwd, env: this.#env },
      GIT_TIMEOUT_MS,
    );
    if (end.how === "exit" && end.code === 0) return ok(stdout.trim());
    if (end.how === "unstarted") return err(`git: ${end.message}`);
    return err(stderr.trim() === "" ? `git ${end.how}` : stderr.trim());
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
