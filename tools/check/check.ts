// One step of the static gate.

export interface Check {
  readonly name: string
  readonly run: () => Promise<Finding> | Finding
}

export interface Finding {
  /** Each makes the step fail; empty means passed. */
  readonly problems: readonly string[]
  /** Shown, but nothing fails for them. */
  readonly warnings?: readonly string[]
  /** Why there was nothing to check. */
  readonly skipped?: string
  /** What was looked at, e.g. "214 files". */
  readonly looked?: string
}

export interface CheckResult extends Finding {
  readonly name: string
  readonly ms: number
}

/** Runs all, a few at a time; a check that throws has failed with what it threw. */
export async function runChecks(
  checks: readonly Check[],
  atOnce: number,
  onResult: (result: CheckResult) => void,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = []
  const queue = [...checks]
  const worker = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const started = performance.now()
      const finding = await outcome(check)
      const result = { ...finding, name: check.name, ms: performance.now() - started }
      results.push(result)
      onResult(result)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return checks.flatMap(({ name }) => results.find((result) => result.name === name) ?? [])
}

async function outcome(check: Check): Promise<Finding> {
  try {
    return await check.run()
  } catch (error) {
    return { problems: [error instanceof Error ? error.message : String(error)] }
  }
}
