/**
 * A value or the reason there is none. Kernel decisions and engine commands return it, because
 * "no" is an ordinary answer that must be handled, not an exception that may be forgotten.
 */
export type Result<T, E> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}
