/**
 * The floor that submits are measured against: what a bare Fastify server with the same body schema
 * needs to append a line and answer after a sync that it shares with whoever came meanwhile.
 */
import { fdatasync, openSync, write } from "node:fs";
import { join } from "node:path";
import Fastify from "fastify";
import { Type } from "typebox";

const body = Type.Object({
  request_id: Type.Optional(Type.String()),
  job_id: Type.Optional(Type.String()),
  job_type: Type.String(),
  idempotency_key: Type.Optional(Type.String()),
  payload: Type.Optional(Type.Object({})),
});
const response = {
  202: Type.Object({ accepted: Type.Boolean(), job_id: Type.String() }),
};

const fd = openSync(join(process.argv[2] ?? ".", "floor.jsonl"), "a", 0o600);
let waiting: { readonly line: string; readonly done: () => void }[] = [];
let syncing = false;

function append(line: string): Promise<void> {
  return new Promise((done) => {
    waiting.push({ line, done });
    if (!syncing) flush();
  });
}

function flush(): void {
  const batch = waiting;
  waiting = [];
  syncing = true;
  write(fd, batch.map(({ line }) => line).join(""), (writeError) => {
    if (writeError !== null) throw writeError;
    fdatasync(fd, (syncError) => {
      if (syncError !== null) throw syncError;
      syncing = false;
      for (const { done } of batch) done();
      if (waiting.length > 0) flush();
    });
  });
}

let count = 0;
const app = Fastify();
app.post("/v1/jobs", { schema: { body, response } }, async (request, reply) => {
  count += 1;
  const given = request.body as { readonly job_type: string; readonly payload?: object };
  const id = `job_${count}`;
  const accepted = {
    id,
    type: given.job_type,
    at: new Date().toISOString(),
    payload: given.payload,
  };
  await append(`${JSON.stringify(accepted)}\n`);
  reply.code(202);
  return { accepted: true, job_id: id };
});

await app.listen({ host: "127.0.0.1", port: 0 });
const address = app.server.address();
process.on("message", () => process.exit(0));
process.send?.({ port: typeof address === "object" ? address?.port : 0, token: "none" });
