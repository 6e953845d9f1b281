// Three projects by what they need: unit (nothing), vm (a hypervisor, one at a time), e2e (the whole daemon, one at a time).
import { configDefaults, defineConfig } from 'vitest/config'

// A busy CI host makes one of two thousand tests late now and then. There each gets a second try, and the runner names those
// that needed it: a flake is a bug to mend, but not one to stop everybody for.
const retry = process.env['CI'] ? 1 : 0

const everywhere = ['packages/**', 'tools/**', 'bench/**', 'e2e/**']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          pool: 'forks',
          retry,
          include: everywhere.map((dir) => `${dir}/*.test.ts`),
          exclude: [...configDefaults.exclude, '**/*.vm.test.ts', '**/*.e2e.test.ts'],
          testTimeout: 15_000,
          hookTimeout: 15_000,
        },
      },
      {
        test: {
          name: 'vm',
          pool: 'forks',
          retry,
          include: everywhere.map((dir) => `${dir}/*.vm.test.ts`),
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          pool: 'forks',
          retry,
          include: ['e2e/**/*.e2e.test.ts'],
          globalSetup: ['e2e/lib/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
