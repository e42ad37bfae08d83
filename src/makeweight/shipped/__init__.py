"""The zoo: networks that ship with makeweight, each a folder of ``frontier``, which links to ``results/frontier``."""
