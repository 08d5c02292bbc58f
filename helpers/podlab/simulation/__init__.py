"""
A Pod predicted in microseconds: the embedded cluster's kubelet against scripted containers, on a simulated clock.

    simulate    simulate(manifest, script) -> SimulatedRecording; Simulation for more control
    script      ContainerScript: what each container does
    loop        an asyncio event loop whose clock jumps to the next thing that happens
    runtime     a container runtime that plays the scripts

The same manifest, script and seed give the same recording, byte for byte.
"""
