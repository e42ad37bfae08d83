"""What the exported C costs on microcontrollers, in instructions counted by an emulator, beside CMSIS-NN."""
