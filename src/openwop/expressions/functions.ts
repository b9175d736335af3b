/**
 * What an expression may call. Everything is pure, does not depend on the machine's clock, locale
 * or time zone, and pays the meter before and after it worked.
 */
import {
  type CelEnv,
  type CelFunc,
  type CelList,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celList,
  celMethod,
  isCelError,
  listType,
} from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import type { Meter } from "./meter.ts";

/** The longest text an expression can make. */
const TEXT_CHARS_MAX = 262_144;

/** Our own calls, put in by `rewrite`; nobody can write them, for `@` begins no name. */
export const CHARGE = "@charge";
export const RANGE = "@range";
export const NEW_LIST = "@list";
export const PUSH = "@push";

const { DOUBLE, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);

const OPERATORS =
  "_+_ _-_ _*_ _/_ _%_ _==_ _!=_ _<_ _<=_ _>_ _>=_ @in !_ -_ _[_] _?_:_ _&&_ _||_ " +
  "@not_strictly_false";
const NAMED =
  "size contains startsWith endsWith matches bool int uint double string type dyn timestamp " +
  "duration charAt indexOf lastIndexOf join lowerAscii upperAscii replace split substring trim";
/** In UTC only: with a zone they would depend on the machine's tables. */
const CALENDAR =
  "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes " +
  "getSeconds getMilliseconds";
const CALLABLE: ReadonlySet<string> = new Set(`${OPERATORS} ${NAMED} ${CALENDAR}`.split(" "));
const WITHOUT_ARGUMENTS: ReadonlySet<string> = new Set(CALENDAR.split(" "));

/** Why a call is not allowed; undefined when it is. */
export function callProblem(name: string, argumentCount: number): string | undefined {
  if (!CALLABLE.has(name)) return `there is no function ${name}`;
  if (WITHOUT_ARGUMENTS.has(name) && argumentCount > 0)
    return `${name} takes no argument: it is UTC`;
  return undefined;
}

/** Those that look at everything in their arguments, however deep. */
const DEEP: ReadonlySet<string> = new Set(["_==_", "_!=_", "@in", "join"]);
/** Those that do not look inside at all. */
const FLAT: ReadonlySet<string> = new Set(["size", "type", "dyn"]);
/** A pattern is compiled at each call, then run over the text in linear time. */
const PATTERN_STEPS = 16;

function mixed(name: string, compute: (left: number, right: number) => number): CelFunc[] {
  return [
    celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => compute(Number(left), right)),
    celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => compute(left, Number(right))),
  ];
}

function short(chars: number): void {
  if (chars > TEXT_CHARS_MAX) throw new Error(`longer than ${TEXT_CHARS_MAX} characters`);
}

/**
 * Added to the language's own: arithmetic between whole numbers and others, because every number of
 * JSON is a `double` here and every whole number written in an expression an `int`; and those whose
 * results could grow without bound.
 */
const OURS: readonly CelFunc[] = [
  ...strings,
  ...mixed("_+_", (left, right) => left + right),
  ...mixed("_-_", (left, right) => left - right),
  ...mixed("_*_", (left, right) => left * right),
  ...mixed("_/_", (left, right) => left / right),
  ...mixed("_%_", (left, right) => left % right),
  celFunc("_%_", [DOUBLE, DOUBLE], DOUBLE, (left, right) => left % right),
  celFunc("_+_", [STRING, STRING], STRING, (left, right) => {
    short(left.length + right.length);
    return left + right;
  }),
  celFunc("_+_", [LIST, LIST], LIST, (left, right) => celList([...left, ...right])),
  celMethod("join", LIST, [], STRING, function () {
    return joined(this, "");
  }),
  celMethod("join", LIST, [STRING], STRING, function (separator) {
    return joined(this, separator);
  }),
  celMethod("replace", STRING, [STRING, STRING], STRING, function (search, replacement) {
    if (search === "") throw new Error("nothing to search for");
    const parts = this.split(search);
    short(this.length + (parts.length - 1) * (replacement.length - search.length));
    return parts.join(replacement);
  }),
];

function joined(list: CelList, separator: string): string {
  const parts: string[] = [];
  let chars = 0;
  for (const part of list) {
    if (typeof part !== "string") throw new Error("join takes a list of strings");
    chars += part.length + separator.length;
    short(chars);
    parts.push(part);
  }
  return parts.join(separator);
}

/** Everything there is, ours instead of the standard one where both have a form. */
const std: CelEnv = celEnv({ funcs: [...OURS] });

/** The environment of one compiled expression; `failed` is told where a call went wrong. */
export function meteredEnv(meter: Meter, failed: (id: number) => void): CelEnv {
  const own = ownFunctions(meter);
  const find = (name: string): CelFunc | undefined => {
    const found = own.get(name);
    if (found !== undefined) return found;
    const func = std.funcs.find(name);
    return func === undefined ? undefined : metered(func, name, { meter, failed });
  };
  const funcs: unknown = Object.create(std.funcs, { find: { value: find } });
  return Object.create(std, { funcs: { value: funcs } }) as CelEnv;
}

/** A function, or all functions of one name. */
type Callable = Pick<CelFunc, "name" | "call">;

/** Only `call` is ours: everything else is the function as it was. */
function withCall(func: Callable, call: CelFunc["call"]): CelFunc {
  return Object.create(func, { call: { value: call } }) as CelFunc;
}

function metered(
  func: Callable,
  name: string,
  to: { readonly meter: Meter; readonly failed: (id: number) => void },
): CelFunc {
  const { meter, failed } = to;
  const pay = (value: CelValue): void => {
    if (DEEP.has(name)) meter.deep(value);
    else if (!FLAT.has(name)) meter.shallow(value);
  };
  return withCall(func, (id, target, parameters) => {
    meter.spend(1);
    if (target !== undefined) pay(target);
    for (const value of parameters) pay(value);
    if (name === "matches") payForPattern(meter, target, parameters[0]);
    const result = func.call(id, target, parameters);
    if (result === undefined || isCelError(result)) failed(id);
    else meter.shallow(result);
    return result;
  });
}

function payForPattern(meter: Meter, text: unknown, pattern: unknown): void {
  if (typeof text !== "string" || typeof pattern !== "string") return;
  meter.spend(pattern.length * PATTERN_STEPS + Math.ceil((text.length * pattern.length) / 16));
}

/**
 * `@charge(steps, condition)` pays for one round of a loop; `@range(list)` for going through it;
 * `@list()` and `@push(list, item)` gather what a loop makes without copying the list each time.
 */
function ownFunctions(meter: Meter): ReadonlyMap<string, CelFunc> {
  const gathered = new WeakMap<object, CelValue[]>();
  const base = celFunc("@", [DYN], DYN, (value) => value);
  return new Map<string, CelFunc>([
    [
      CHARGE,
      withCall(base, (_id, _target, [steps, condition]) => {
        meter.spend(Number(steps));
        return condition;
      }),
    ],
    [
      RANGE,
      withCall(base, (_id, _target, [range]) => {
        meter.shallow(range);
        return range;
      }),
    ],
    [
      NEW_LIST,
      withCall(base, () => {
        const items: CelValue[] = [];
        const list = celList(items);
        gathered.set(list, items);
        return list;
      }),
    ],
    [
      PUSH,
      withCall(base, (_id, _target, [list, item]) => {
        if (typeof list === "object" && list !== null && item !== undefined) {
          gathered.get(list)?.push(item);
        }
        return list;
      }),
    ],
  ]);
}
