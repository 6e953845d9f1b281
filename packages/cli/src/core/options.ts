// Options and arguments of commands as values that carry their type: what `run` gets follows from what is declared.

import { InvalidArgumentError } from 'commander'

export interface OptionSpec<T> {
  /** As commander writes them: `--env <K=V>`. */
  readonly flags: string
  readonly about: string
  /** Second spelling, that says no. */
  readonly negated?: string
  readonly choices?: readonly string[]
  /** From text (and, when repeatable, what earlier ones gave) to value, never null: commander makes '' of that. Throws InvalidArgumentError. */
  parse?(text: string, earlier: T | undefined): T
}

export interface ArgumentSpec<T> {
  /** `<id>` required, `[cmd]` optional, `[args...]` many. */
  readonly syntax: string
  readonly about: string
  /** Only for its type. */
  readonly sample?: T
}

export type Specs = Readonly<Record<string, OptionSpec<unknown> | ArgumentSpec<unknown>>>
export type ValueOf<Spec> = Spec extends OptionSpec<infer T> ? T : Spec extends ArgumentSpec<infer T> ? T : never
export type ValuesOf<S> = { readonly [Name in keyof S]: ValueOf<S[Name]> }

export const argument = (name: string, about: string): ArgumentSpec<string> => ({ syntax: `<${name}>`, about })
export const optionalArgument = (name: string, about: string): ArgumentSpec<string | undefined> => ({ syntax: `[${name}]`, about })
export const manyArguments = (name: string, about: string): ArgumentSpec<string[]> => ({ syntax: `[${name}...]`, about })

export const flag = (flags: string, about: string): OptionSpec<boolean | undefined> => ({ flags, about })
export const toggle = (name: string, about: string): OptionSpec<boolean | undefined> => ({
  flags: `--${name}`,
  negated: `--no-${name}`,
  about,
})
export const text = (flags: string, about: string): OptionSpec<string | undefined> => ({ flags, about, parse: (value) => value })

export function choice<const C extends string>(flags: string, about: string, choices: readonly C[]): OptionSpec<C | undefined> {
  return {
    flags,
    about,
    choices,
    parse(value) {
      const found = choices.find((name) => name === value)
      if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`)
      return found
    },
  }
}

export function whole(flags: string, about: string, min = 1): OptionSpec<number | undefined> {
  return {
    flags,
    about,
    parse(value) {
      const number = Number(value)
      if (!/^-?\d+$/.test(value) || number < min) throw new InvalidArgumentError(`It must be a whole number, at least ${min}.`)
      return number
    },
  }
}

/** Repeatable; values are collected. */
export function many<T = string>(flags: string, about: string, parse: (text: string) => T): OptionSpec<T[] | undefined> {
  return { flags, about: `${about} (repeatable)`, parse: (value, earlier) => [...(earlier ?? []), parse(value)] }
}

/** Repeatable `K=V`. */
export function pairs(flags: string, about: string): OptionSpec<Readonly<Record<string, string>> | undefined> {
  return {
    flags,
    about: `${about} (repeatable)`,
    parse(value, earlier) {
      const at = value.indexOf('=')
      if (at < 1) throw new InvalidArgumentError('It must be KEY=VALUE.')
      return { ...earlier, [value.slice(0, at)]: value.slice(at + 1) }
    },
  }
}

export function jsonObject(flags: string, about: string): OptionSpec<Readonly<Record<string, unknown>> | undefined> {
  return {
    flags,
    about,
    parse(value) {
      let json: unknown
      try {
        json = JSON.parse(value)
      } catch {
        throw new InvalidArgumentError('It is not JSON.')
      }
      if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new InvalidArgumentError('It must be a JSON object.')
      return { ...json }
    },
  }
}
