type MethodOf<Class, Name extends keyof Class> = Extract<
  Class[Name],
  (...args: never[]) => unknown
>;

/**
 * Has `instead` called where a method of the class is, with that method, the object and what it was
 * called with. The returned function puts the method back.
 */
export function replaced<Class, Name extends keyof Class>(
  prototype: Class,
  name: Name,
  instead: (
    method: MethodOf<Class, Name>,
    self: Class,
    ...args: Parameters<MethodOf<Class, Name>>
  ) => ReturnType<MethodOf<Class, Name>>,
): () => void {
  const method = prototype[name] as MethodOf<Class, Name>;
  prototype[name] = function (this: Class, ...args: Parameters<MethodOf<Class, Name>>) {
    return instead(method.bind(this) as typeof method, this, ...args);
  } as Class[Name];
  return () => {
    prototype[name] = method;
  };
}
