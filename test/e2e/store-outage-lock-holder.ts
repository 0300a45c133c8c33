/** A process of its own that takes the write lock of the embedded store in FOLDER and stops while it has it. */

import { openEnvironment } from '../../src/kv/lmdb/environment.ts';

const environment = await openEnvironment(process.argv[2]!);
await environment.write(() => process.kill(process.pid, 'SIGSTOP'));
await environment.close();
