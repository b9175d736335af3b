import type { VerbHost } from "../context.ts";

export function addConform(_host: VerbHost): void {}
