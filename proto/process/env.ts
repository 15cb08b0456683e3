/** Typed reading of the process environment; every error names the variable and says what to give. */

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvReader {
  readonly text: (name: string, what: string) => string;
  readonly optional: (name: string) => string | undefined;
  readonly integer: (name: string, fallback: number, range?: { readonly min: number; readonly max: number }) => number;
  readonly choice: <const T extends string>(name: string, choices: readonly [T, ...T[]]) => T;
  /** Comma separated. */
  readonly list: (name: string, what: string) => string[];
}

/** An empty value counts as not set. */
export const readEnv = (environment: Environment = process.env): EnvReader => {
  const optional = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const text = (name: string, what: string): string => {
    const value = optional(name);
    if (value === undefined) throw new Error(`${name} is not set: give ${what}`);
    return value;
  };
  return {
    text,
    optional,
    integer: (name, fallback, { min, max } = { min: 0, max: Number.MAX_SAFE_INTEGER }) => {
      const value = optional(name);
      if (value === undefined) return fallback;
      const number = Number(value);
      if (!/^-?\d+$/.test(value) || number < min || number > max)
        throw new Error(`${name}=${value} is not a whole number from ${min} to ${max}`);
      return number;
    },
    choice: (name, choices) => {
      const value = optional(name) ?? choices[0];
      const found = choices.find((choice) => choice === value);
      if (found === undefined) throw new Error(`${name}=${value} is not one of ${choices.join(', ')}`);
      return found;
    },
    list: (name, what) => {
      const values = text(name, what)
        .split(',')
        .map((value) => value.trim())
        .filter((value) => value !== '');
      if (values.length === 0) throw new Error(`${name} is empty: give ${what}`);
      return values;
    },
  };
};
