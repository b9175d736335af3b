/** The workers inside the daemon: built-in executors, configured agent commands, notifications. */
import type { Engine } from "../engine/engine.ts";
import { consumerSnapshot } from "../jobspec/openclaw.ts";
import type { Clock } from "../lib/clock.ts";
import { createAgentCommandExecutor } from "../workers/agent-command.ts";
import { startNotifier } from "../workers/notify.ts";
import { createOpenClawSnapshotExecutor } from "../workers/openclaw-snapshot.ts";
import { createSupervisor } from "../workers/supervisor.ts";
import type { HostSettings } from "./settings.ts";

export interface Workers {
  /** Job types that this daemon runs by itself. */
  readonly types: readonly string[];
  /** Stops running jobs and hands them back with their attempts; sends what is to be notified. */
  drain(graceMs: number): Promise<void>;
}

export interface WorkersOptions {
  readonly engine: Engine;
  readonly root: string;
  readonly settings: HostSettings;
  /** Values that no child may see. */
  readonly secrets: readonly string[];
  /** The clock that leases are measured with. */
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** Clears up after an earlier daemon that died, then begins to claim. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { engine, root, secrets, clock, log } = options;
  const { config, limits } = options.settings;
  const supervisor = createSupervisor({
    engine,
    executors: [
      createOpenClawSnapshotExecutor({ root, buildSnapshot: () => snapshotOf(engine) }),
      createAgentCommandExecutor({ engine, root, jobs: config.jobs, secrets, log }),
    ],
    heartbeatMs: limits.heartbeatMs,
    clock,
    log,
  });
  const notifier =
    config.notify === undefined
      ? undefined
      : startNotifier({ engine, config: config.notify, root, secrets, log });
  await supervisor.start();
  return {
    types: supervisor.types,
    async drain(graceMs) {
      await supervisor.drain(graceMs);
      await notifier?.drain(graceMs);
    },
  };
}

async function snapshotOf(
  engine: Engine,
): Promise<{ readonly snapshot_id: string; readonly json: AsyncIterable<string> }> {
  const { snapshot_id, json } = await consumerSnapshot(engine);
  const pieces = async function* (): AsyncGenerator<string> {
    yield* json;
  };
  return { snapshot_id, json: pieces() };
}
