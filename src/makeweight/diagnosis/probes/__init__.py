"""What is measured: facts about data, layers, steps and validation, without a judgement."""
