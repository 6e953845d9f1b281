// The same cases with our own Python SDK: who changes from one client to the other notices nothing.

import { describeSuite } from './run-suite.ts'

describeSuite('ours')
