/** The load generator's process: runs one load at a time and tells what it measured. */
import { serveQuestions } from "./child.ts";
import { type Drain, drainJobs } from "./loads/drain.ts";
import { type PickUp, pickUp } from "./loads/pick-up.ts";
import { type Submits, submitJobs } from "./loads/submits.ts";
import { type Follow, followTail } from "./loads/tail.ts";

export type Load = Submits | Drain | PickUp | Follow;

serveQuestions<Load>((load) => {
  switch (load.kind) {
    case "submits":
      return submitJobs(load);
    case "drain":
      return drainJobs(load);
    case "pick-up":
      return pickUp(load);
    case "tail":
      return followTail(load);
  }
});
process.send?.({ ready: true });
