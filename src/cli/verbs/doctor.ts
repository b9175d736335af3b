import type { VerbHost } from "../context.ts";

export function addDoctor(_host: VerbHost): void {}
