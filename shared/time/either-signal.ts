export type EitherSignal = Disposable & { readonly signal: AbortSignal };

/**
 * A signal that is aborted as soon as one of `signals` is, with its reason. Listens to them until it
 * is disposed, where `AbortSignal.any` does as long as somebody listens to what it returns.
 */
export function eitherSignal(...signals: readonly AbortSignal[]): EitherSignal {
  const either = new AbortController();
  const listeners = signals.map((signal) => {
    const abort = () => either.abort(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return { signal, abort };
  });
  return {
    signal: either.signal,
    [Symbol.dispose]: () => {
      for (const { signal, abort } of listeners) signal.removeEventListener("abort", abort);
    },
  };
}
