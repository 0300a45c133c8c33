import { startEtcd } from '../../harness/etcd.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeFaults } from '../faults.ts';

describeWith(['etcd'], 'a store on etcd', () => {
  describeFaults('etcd', startEtcd);
});
