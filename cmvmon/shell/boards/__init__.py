"""audit_log board_files revision"""
