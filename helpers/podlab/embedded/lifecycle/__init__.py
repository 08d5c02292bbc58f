"""
What a node decides about one Pod, and what it then says about it: pure functions, no clock and no process.

The way through: ``view`` is what the runtime shows; ``actions.decide`` says what to start, kill or recreate;
``podstatus.generate`` says what the Pod's status is, from ``containers`` (states), ``phase`` and ``conditions``;
``termination`` orders the end; ``backoff`` and ``probes`` are the two memories that both need.

They follow kubelet v1.36.3, rule by rule; what is not asked here (pulling, mounting, running hooks) is the
business of ``podlab.embedded.kubelet``, on the wall clock as on a simulated one.
"""
