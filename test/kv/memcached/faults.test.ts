import { startMemcached } from '../../harness/memcached.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeFaults } from '../faults.ts';

describeWith(['memcached'], 'a store on memcached', () => {
  describeFaults('memcached', () => startMemcached());
});
